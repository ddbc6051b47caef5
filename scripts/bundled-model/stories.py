"""Stories: an opening, one or two plots, an ending, and sometimes questions that only the story can answer."""
from world import (ANIMALS, COLOURS, FOODS, NATURES, PEOPLE, PET_COLOURS, PET_NAMES, PLACES, RARE_PEOPLE, SIZES, THINGS,
                   WEATHER)


def a(noun):
    return ('an ' if noun[0] in 'aeiou' else 'a ') + noun


def upper(text):
    return text[0].upper() + text[1:]


def person(r, *others):
    names = [n for n in PEOPLE if n not in others and (n not in RARE_PEOPLE or r.random() < 0.3)]
    return r.choice(names)


def cast(r):
    """Everything a story needs, drawn once, so that names and things stay the same to the end."""
    hero = person(r)
    friend = person(r, hero)
    she, her, hers = PEOPLE[hero]
    first, second, third = r.sample(sorted(PLACES), 3)
    weather = r.choice(sorted(WEATHER))
    thing = r.choice(sorted(THINGS))
    return dict(hero=hero, friend=friend, she=she, her=her, hers=hers, She=upper(she), fshe=PEOPLE[friend][0],
                fFshe=upper(PEOPLE[friend][0]), animal=r.choice(sorted(ANIMALS)), pet=r.choice(PET_NAMES),
                fur=r.choice(PET_COLOURS), nature=r.choice(NATURES), first=first, second=second, third=third,
                weather=weather, thing=thing, colour=r.choice(COLOURS), size=r.choice(SIZES), food=r.choice(FOODS),
                at1=PLACES[first][0], at2=PLACES[second][0], at3=PLACES[third][0], spot=PLACES[third][1],
                do1=PLACES[first][2], near=r.choice(['river', 'forest', 'pond', 'hill', 'beach', 'park']), sky=WEATHER[weather][0], wear=WEATHER[weather][2])


def opening(r, c):
    c['sound'] = ANIMALS[c['animal']][0]
    c['eats'] = ANIMALS[c['animal']][2]
    who = r.choice([
        'Once upon a time there was a {nature} child called {hero}. {hero} had a {fur} {animal} called {pet}.',
        '{hero} lived in a small house near the {near}. {She} had a {fur} {animal} called {pet}, and {pet} was very {nature}.',
        'This is the story of {hero} and a {fur} {animal} called {pet}. {pet} was {nature} and liked to eat {eats}.',
        'Once upon a time a {nature} {animal} called {pet} lived with {hero}. They were good friends.',
    ])
    day = r.choice([
        'It was a {weather} day. {sky}.',
        'One {weather} morning, {hero} woke up early. {sky}.',
        '{sky}, so {hero} put on {wear}.',
    ])
    return who + ' ' + day


def lost(r, c):
    return r.choice([
        '{hero} could not find {hers} {colour} {thing}. {She} was sad. First {she} looked {at1}, but it was not there. '
        'Then {she} looked {at2}, but it was not there. "{pet}, can you help me?" asked {hero}. {pet} said "{sound}" and ran to the {third}. '
        'There, {spot}, was the {colour} {thing}! "Thank you, {pet}," said {hero}.',
        'In the afternoon {hero} lost {hers} {size} {colour} {thing}. "Where is my {thing}?" {she} asked. '
        '{friend} came to help. They looked {at1} and {at2}. At last {friend} found the {thing} {spot}. '
        '"Here is your {thing}," said {friend}. {hero} was very happy.',
    ])


def visit(r, c):
    return r.choice([
        '{hero} went to the {first} to {do1}. {She} met {friend} there. "Hello, {friend}!" said {hero}. "How are you today?" '
        '"I am well, thank you," said {friend}. "Would you like some {food}?" They sat down {at1} and ate the {food} together. '
        '{pet} wanted some too, so {hero} gave {pet} some {eats}.',
        '{friend} came to visit {hero}. "I have a gift for you," said {friend}. It was {a_thing}. '
        '"What a nice {thing}!" said {hero}. {She} gave {friend} some {food}. Then they walked to the {second} with {pet} and talked until it was late.',
    ])


def weatherly(r, c):
    return {
        'sunny': '{hero} and {pet} walked to the {first}. It was very warm, so they sat under a tree and drank cold water. '
                 '"I like the sun," said {hero}. A bird sang in the tree, and {pet} fell asleep.',
        'rainy': 'It rained all day. The water in the river was high, and the path to the {first} was wet. {hero} stayed at home with {pet}. '
                 '{She} read a book about {a_animal} and ate {food}. In the evening the rain stopped, and there was a rainbow over the {second}.',
        'windy': 'The wind took the {colour} {thing} of {hero} and carried it over the {first}. {hero} ran and {pet} ran too. '
                 'The {thing} fell down {at2}. {friend} picked it up. "The wind is strong today," said {friend}. "Hold it with two hands!"',
        'snowy': '{hero} and {friend} built a snowman {at1}. They gave it {a_thing} and a carrot for a nose. '
                 '{pet} ran around it and said "{sound}". Then they went home and drank warm milk.',
        'foggy': '{hero} went out and could not see the path. {She} was afraid. "{pet}, where are you?" {she} called. '
                 '{pet} said "{sound}". {hero} followed the sound to the {second}. There {she} saw a light. It was {friend} with a lamp. They all went home together.',
    }[c['weather']]


def race(r, c):
    return ('{friend} said, "Let us have a race from the {first} to the {second}!" "One, two, three, go!" said {hero}. '
            '{friend} was fast, but {pet} was faster. ' + r.choice([
                'Then {friend} fell down. {hero} stopped to help. "Are you well?" asked {hero}. "Yes, thank you," said {friend}. They walked to the {second} together. ',
                '{hero} ran and ran. In the end {hero} came first, and {friend} came second. ',
            ]) + '"That was fun," said {friend}. "Let us do it again tomorrow."')


def baking(r, c):
    return ('{hero} wanted to make {food} for {friend}. {She} needed milk, eggs and flour. {She} found the milk {at1}. '
            'The hen gave {her} two eggs. {friend} brought the flour from the market. They put it all in a big bowl. '
            'Soon the whole house smelled good. ' + r.choice(['"It is ready!" said {hero}.', '{pet} came in and said "{sound}".'])
            + ' They ate the {food} with a spoon and were happy.')


PLOTS = (lost, visit, weatherly, race, baking)


def ending(r):
    return r.choice([
        'At night {hero} went to bed. "Good night, {pet}," said {hero}. The end.',
        'From that day on, {hero} and {friend} were best friends. The end.',
        'It was a good day. The end.',
        'Then they all went home and slept well. The end.',
    ])


def questions(r, c):
    asked = r.sample([
        ('What was the name of the {animal}?', 'The name of the {animal} was {pet}.'),
        ('What colour was {pet}?', '{pet} was {fur}.') if c['fur_told'] else ('Who was {pet}?', '{pet} was {a_animal}.'),
        ('Who was the friend of {hero}?', '{friend} was the friend of {hero}.'),
        ('How was the weather?', 'It was {weather}.'),
        ('What animal was {pet}?', '{pet} was {a_animal}.'),
    ], r.choice([1, 2, 2, 3]))
    return ' '.join(q + ' ' + answer for q, answer in asked)


def story(r, plots=None, ask=None, hero=None, animal=None):
    c = cast(r)
    if animal:
        c['animal'] = animal
    c.update(a_thing=a(f"{c['colour']} {c['thing']}"), a_animal=a(c['animal']))
    count = plots or r.choice([1, 1, 2, 2, 3])
    chosen = r.sample(PLOTS, count)
    head = opening(r, c)
    c['fur_told'] = '{fur}' in head
    parts = [head]
    for i, plot in enumerate(chosen):
        if i:
            parts.append(r.choice(['The next day was {weather} too.', 'Later that day,', 'After that,']))
        text = plot(r, c)
        parts.append(text)
    parts.append(ending(r))
    has_friend = any('{friend}' in p for p in parts)
    if (ask if ask is not None else r.random() < 0.35) and has_friend:
        parts.append(questions(r, c))
    text = ' '.join(parts).format(**c)
    # "After that, Anna …" reads well; "After that, The wind …" does not.
    for lead in ('Later that day, ', 'After that, '):
        for word in ('The ', 'It ', 'In ', 'She ', 'He '):
            text = text.replace(lead + word, lead + word.lower())
    return text
