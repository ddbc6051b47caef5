# Prints what zsh offers for a line: zsh complete.zsh SCRIPT LINE
# A shell in a pseudo-terminal is given the line and a tab; every match goes through compadd, which writes it down.
zmodload zsh/zpty
found=$(mktemp)
setup=$(mktemp)
print -r -- "
  PROMPT=; unsetopt beep; autoload -Uz compinit; compinit -u -D; source ${(q)1}; bindkey '^I' list-choices
  compadd() {
    local -a hits
    if [[ \" \$* \" != *' -'[OAD]' '* ]]; then builtin compadd -A hits \"\$@\"; print -rl -- \$hits >> $found; fi
    builtin compadd \"\$@\"
  }
  print READY >> $found
" > $setup
zpty shell zsh -f -i
zpty -w shell "source $setup"

# Keys must not come before the shell edits its line again: the terminal would take them.
until_last() {
  for i in {1..200}; do
    [[ $(tail -n 1 $found) == $1 ]] && return
    sleep 0.05
  done
}
until_last READY
sleep 0.2
zpty -w -n shell "$2"$'\t'
sleep 0.3
zpty -w -n shell $'\C-u'"print END >> $found"$'\n'
until_last END
zpty -d shell
grep -vx -e READY -e END -e '' $found
rm -f $found $setup
