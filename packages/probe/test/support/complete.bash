# Prints what bash offers for a line: bash complete.bash SCRIPT LINE
# The words are those that readline would make: it takes --option=value apart.
source "$1"
COMP_LINE=$2
spaced=${2//=/ = }
read -ra COMP_WORDS <<< "$spaced"
[[ $2 == *[\ =] ]] && COMP_WORDS+=('')
[[ $2 == *= ]] && unset "COMP_WORDS[${#COMP_WORDS[@]}-1]"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
registered=$(complete -p "${COMP_WORDS[0]}") || exit 1
[[ $registered == *'-F _probe '* ]] || exit 1
_probe
((${#COMPREPLY[@]} > 0)) && printf '%s\n' "${COMPREPLY[@]}"
exit 0
