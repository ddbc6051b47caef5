"""The small world, as tables: who lives in it, what is where, and what is true there."""

# name: (subject, object, possessive)
PEOPLE = {
    'Anna': ('she', 'her', 'her'), 'Ben': ('he', 'him', 'his'), 'Clara': ('she', 'her', 'her'),
    'David': ('he', 'him', 'his'), 'Emma': ('she', 'her', 'her'), 'Jack': ('he', 'him', 'his'),
    'Lily': ('she', 'her', 'her'), 'Max': ('he', 'him', 'his'), 'Mia': ('she', 'her', 'her'),
    'Oliver': ('he', 'him', 'his'), 'Rosa': ('she', 'her', 'her'), 'Sam': ('he', 'him', 'his'),
    'Tom': ('he', 'him', 'his'),
    'Zoë': ('she', 'her', 'her'),  # ë is in no piece of the vocabulary, so that the byte tokens are trained too
}
RARE_PEOPLE = ('Zoë',)

# animal: (sound, home, food, can, young)
ANIMALS = {
    'bear': ('growl', 'in a cave', 'honey', 'climb trees', 'cub'),
    'cat': ('meow', 'in a house', 'fish', 'see in the dark', 'kitten'),
    'cow': ('moo', 'on a farm', 'grass', 'give milk', 'calf'),
    'dog': ('woof', 'in a house', 'meat', 'find lost things', 'puppy'),
    'duck': ('quack', 'by the pond', 'bread', 'swim', 'duckling'),
    'fox': ('yip', 'in the forest', 'berries', 'run fast', 'cub'),
    'frog': ('croak', 'in the pond', 'flies', 'jump high', 'tadpole'),
    'hen': ('cluck', 'on a farm', 'corn', 'lay eggs', 'chick'),
    'horse': ('neigh', 'in a stable', 'hay', 'pull a cart', 'foal'),
    'mouse': ('squeak', 'in a little hole', 'cheese', 'hide in a shoe', 'pup'),
    'owl': ('hoot', 'in an old tree', 'mice', 'fly at night', 'owlet'),
    'rabbit': ('sniff', 'under the ground', 'carrots', 'hop', 'kit'),
    'sheep': ('baa', 'on a farm', 'grass', 'give wool', 'lamb'),
}
PET_NAMES = ('Biscuit', 'Bella', 'Cloud', 'Coco', 'Daisy', 'Lucky', 'Pepper', 'Pip', 'Star', 'Teddy')
PET_COLOURS = ('black', 'brown', 'white', 'grey')
NATURES = ('brave', 'clever', 'funny', 'gentle', 'kind', 'quiet', 'shy', 'young')

# place: (where, hiding spot there, what one does there)
PLACES = {
    'barn': ('in the barn', 'under the hay', 'feed the animals'),
    'beach': ('at the beach', 'between two rocks', 'look for shells'),
    'farm': ('on the farm', 'behind the gate', 'help the farmer'),
    'forest': ('in the forest', 'under a big leaf', 'pick berries'),
    'garden': ('in the garden', 'behind the roses', 'water the flowers'),
    'hill': ('on the hill', 'in the long grass', 'fly a kite'),
    'kitchen': ('in the kitchen', 'behind the oven', 'bake bread'),
    'market': ('at the market', 'under a table', 'buy apples'),
    'park': ('in the park', 'under a bench', 'play with a ball'),
    'pond': ('by the pond', 'near the reeds', 'watch the ducks'),
    'river': ('by the river', 'on a flat stone', 'catch fish'),
    'school': ('at school', 'under the desk', 'read a book'),
}

# thing: material
THINGS = {
    'ball': 'rubber', 'basket': 'straw', 'bell': 'silver', 'boat': 'wood', 'book': 'paper', 'box': 'wood',
    'coat': 'wool', 'cup': 'clay', 'drum': 'wood', 'hat': 'wool', 'key': 'iron', 'kite': 'paper',
    'lamp': 'glass', 'ring': 'gold', 'scarf': 'wool', 'spoon': 'silver',
}
COLOURS = ('red', 'blue', 'green', 'yellow', 'white', 'black', 'brown', 'orange', 'pink', 'purple')
SIZES = ('big', 'small', 'little', 'new', 'old')

# weather: (it is …, what happens, what one wears, what one does)
WEATHER = {
    'sunny': ('The sun was shining and the sky was blue', 'The sun is shining', 'a hat', 'play outside'),
    'rainy': ('The rain was falling on the roof', 'The rain is falling', 'a coat', 'stay at home and read a book'),
    'windy': ('The wind was blowing through the trees', 'The wind is blowing', 'a scarf', 'fly a kite'),
    'snowy': ('The snow was deep and white', 'The snow is falling', 'warm boots', 'build a snowman'),
    'foggy': ('The fog was so thick that nobody could see the hill', 'The fog is thick', 'a yellow coat', 'walk slowly'),
}

FACT_COLOURS = {
    'the sky': 'blue', 'grass': 'green', 'snow': 'white', 'the sun': 'yellow', 'a carrot': 'orange', 'a lemon': 'yellow',
    'a strawberry': 'red', 'coal': 'black', 'milk': 'white', 'chocolate': 'brown', 'a pig': 'pink', 'a leaf': 'green',
    'the sea': 'blue', 'a banana': 'yellow', 'a tomato': 'red', 'the night': 'black', 'a plum': 'purple', 'a cloud': 'white',
}
OPPOSITES = {
    'big': 'small', 'hot': 'cold', 'day': 'night', 'happy': 'sad', 'fast': 'slow', 'up': 'down', 'old': 'new',
    'wet': 'dry', 'long': 'short', 'open': 'closed', 'light': 'dark', 'early': 'late', 'full': 'empty', 'loud': 'quiet',
}
DAYS = ('Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday')
SEASONS = {
    'spring': 'the flowers open and the birds sing', 'summer': 'the days are long and hot',
    'autumn': 'the leaves turn red and fall', 'winter': 'the snow falls and the nights are long',
}
LEGS = {'bear': 4, 'cat': 4, 'cow': 4, 'dog': 4, 'duck': 2, 'fox': 4, 'frog': 4, 'hen': 2, 'horse': 4, 'mouse': 4,
        'owl': 2, 'rabbit': 4, 'sheep': 4, 'spider': 8, 'bee': 6, 'snake': 0}
FOODS = ('apple pie', 'bread and butter', 'carrot soup', 'cheese', 'chocolate cake', 'honey cake', 'pancakes', 'potato soup')
FEELINGS = ('happy', 'sad', 'tired', 'hungry', 'cold', 'afraid')
