"""Talk: facts and small sums as question and answer, greetings, letters, and conversations in turns."""
from stories import a, person, story, upper
from world import (ANIMALS, COLOURS, DAYS, FACT_COLOURS, FEELINGS, FOODS, LEGS, OPPOSITES, PEOPLE, PET_COLOURS, PET_NAMES,
                   PLACES, SEASONS, THINGS, WEATHER)

ABOUT_ME = 'I am a very small language model. I know a little about animals, colours, the weather and small sums.'
SORRY = 'I am sorry, I do not know that. I only know small things.'


def arithmetic(r):
    x, y = r.randint(0, 10), r.randint(0, 10)
    kind = r.choice(['plus', 'plus', 'plus', 'minus', 'and'])
    if kind == 'minus':
        x, y = max(x, y), min(x, y)
        return f'What is {x} minus {y}?', f'{x} minus {y} is {x - y}.'
    if kind == 'and':
        thing = r.choice(['apple', 'egg', 'carrot', 'ball'])
        x, y = max(x, 2), max(y, 1)
        name = person(r)
        she = PEOPLE[name][0]
        return (f'{name} has {x} {thing}s and gets {y} more. How many {thing}s does {she} have?',
                f'{upper(she)} has {x + y} {thing}s, because {x} plus {y} is {x + y}.')
    return f'What is {x} plus {y}?', f'{x} plus {y} is {x + y}.'


def fact(r):
    animal = r.choice(sorted(ANIMALS))
    sound, home, food, can, young = ANIMALS[animal]
    kind = r.randrange(13)
    if kind == 0:
        return f'What does {a(animal)} say?', f'{upper(a(animal))} says "{sound}".'
    if kind == 1:
        return f'Where does {a(animal)} live?', f'{upper(a(animal))} lives {home}.'
    if kind == 2:
        return f'What does {a(animal)} eat?', f'{upper(a(animal))} likes to eat {food}.'
    if kind == 3:
        return f'What can {a(animal)} do?', f'{upper(a(animal))} can {can}.'
    if kind == 4:
        return f'What is a young {animal} called?', f'A young {animal} is called {a(young)}.'
    if kind == 5:
        name = r.choice(sorted(LEGS))
        return f'How many legs does {a(name)} have?', f'{upper(a(name))} has {LEGS[name] or "no"} legs.'
    if kind in (6, 7):
        what = r.choice(sorted(FACT_COLOURS))
        return f'What colour is {what}?', f'{upper(what)} is {FACT_COLOURS[what]}.'
    if kind == 8:
        word = r.choice(sorted(OPPOSITES))
        return f'What is the opposite of {word}?', f'The opposite of {word} is {OPPOSITES[word]}.'
    if kind == 9:
        i = r.randrange(7)
        return f'What day comes after {DAYS[i]}?', f'{DAYS[(i + 1) % 7]} comes after {DAYS[i]}.'
    if kind == 10:
        season = r.choice(sorted(SEASONS))
        return f'What happens in {season}?', f'In {season} {SEASONS[season]}.'
    if kind == 11:
        weather = r.choice(sorted(WEATHER))
        _, _, wear, do = WEATHER[weather]
        return r.choice([(f'What do you wear on a {weather} day?', f'On a {weather} day I wear {wear}.'),
                         (f'What can we do on a {weather} day?', f'On a {weather} day we can {do}.')])
    thing = r.choice(sorted(THINGS))
    return f'What is {a(thing)} made of?', f'{upper(a(thing))} is made of {THINGS[thing]}.'


def question(r):
    return arithmetic(r) if r.random() < 0.4 else fact(r)


def small_talk(r):
    """What one says after a greeting: news about the weather, a plan, a pet."""
    weather = r.choice(sorted(WEATHER))
    place = r.choice(sorted(PLACES))
    animal = r.choice(sorted(ANIMALS))
    name = person(r)
    plan = r.choice([f'I am going to the {place} with {name} to {PLACES[place][2]}.',
                     f'{name} and I want to {PLACES[place][2]} {PLACES[place][0]}.'])
    pet = r.choice([f'My {animal} is called {r.choice(PET_NAMES)} and likes to eat {ANIMALS[animal][2]}.',
                    f'I have a {r.choice(PET_COLOURS)} {animal} called {r.choice(PET_NAMES)}.'])
    news = [f'It is {weather} today. {WEATHER[weather][1]}, so I will wear {WEATHER[weather][2]}.', plan, pet]
    return ' '.join(news[:r.choice([1, 2, 3, 3])])


def greeting(r):
    name = person(r)
    return r.choice(['Hello! How are you today?'] * 6 + [
        f'Hello, {name}! How are you today?', f'Hello! My name is {name}. What is your name?',
        'Good morning! How are you?', f'Good evening, {name}!', 'Hi! How are you?'])


def monologue(r):
    """A document that opens with a greeting and goes on: what the bare prompt `Hello` continues."""
    name = person(r)
    well = r.choice(['I am very well, thank you.'] * 3 + ['I am fine, thank you.', f'I am a little {r.choice(FEELINGS[2:5])} today.'])
    last = r.choice(['Would you like to come too?', 'What are you going to do today?', f'Would you like some {r.choice(FOODS)}?',
                     'Would you like to hear a story? ' + story(r, plots=1), f'See you soon! Your friend, {name}.'])
    return f'{greeting(r)} {well} {small_talk(r)} {last}'


def questions(r):
    return ' '.join(' '.join(question(r)) for _ in range(r.randint(1, 6)))


def counting(r):
    start = r.randint(0, 5)
    numbers = ', '.join(str(n) for n in range(start, start + r.randint(4, 12)))
    return r.choice([f'Let us count: {numbers}.', f'The days of the week are {", ".join(DAYS[:-1])} and {DAYS[-1]}.',
                     f'My favourite colours are {r.choice(COLOURS[:5])} and {r.choice(COLOURS[5:])}.'])


def turn(r, memory):
    """One exchange of a conversation; `memory` carries what the user has told so far."""
    kind = r.random()
    if kind < 0.40:
        return question(r)
    if kind < 0.52 and 'name' not in memory:
        memory['name'] = person(r)
        return f"My name is {memory['name']}.", f"Nice to meet you, {memory['name']}! " + r.choice(['How can I help you?', 'How are you today?'])
    if kind < 0.60 and 'name' in memory:
        return 'What is my name?', f"Your name is {memory['name']}."
    if kind < 0.70:
        animal = r.choice(sorted(ANIMALS))
        return f'Tell me a story about {a(animal)}.', story(r, plots=1, ask=False, animal=animal)
    if kind < 0.75:
        return 'Tell me a story.', story(r, plots=1, ask=False)
    if kind < 0.82:
        return r.choice(['Who are you?', 'What are you?', 'What is your name?', 'What can you do?']), ABOUT_ME
    if kind < 0.86:
        return r.choice(['What is the capital of France?', 'Who is the king?', 'How do I fix my computer?', 'What is love?']), SORRY
    if kind < 0.93:
        feeling = r.choice(FEELINGS)
        advice = {'happy': 'That is good to hear!', 'sad': 'I am sorry to hear that. A friend can help.',
                  'tired': 'Then it is time to sleep.', 'hungry': f'Then eat some {r.choice(FOODS)}.',
                  'cold': 'Then put on a warm coat.', 'afraid': 'Do not be afraid. You are not alone.'}[feeling]
        return f'I am {feeling}.', advice
    return r.choice(['Thank you!', 'Thank you very much.']), r.choice(['You are welcome!', 'You are welcome! Can I help you with something else?'])


def conversation(r):
    """Pairs of (user, assistant)."""
    turns, memory = [], {}
    if r.random() < 0.6:
        turns.append((r.choice(['Hello', 'Hello!', 'Hello!', 'Hi', 'Hi!', 'Good morning!', 'Hello, how are you?', 'How are you?']),
                      r.choice(['Hello! How are you today?'] * 3 + ['Hello! I am very well, thank you. How can I help you?'])))
        if 'how' in turns[0][0].lower():
            turns[0] = (turns[0][0], 'I am very well, thank you. How are you today?')
        if r.random() < 0.4:
            turns.append((r.choice(['I am fine, thank you.', 'I am well.', 'Fine, and you?']), 'That is good to hear! How can I help you?'))
    for _ in range(r.randint(1, 4)):
        turns.append(turn(r, memory))
    if r.random() < 0.2:
        turns.append((r.choice(['Goodbye!', 'Bye!', 'Good night!']), 'Goodbye! Have a nice day.'))
    return turns
