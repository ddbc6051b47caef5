/** What a pickle says that it calls by its name: nothing is looked up, and nothing is called. */
export class Global {
  constructor(readonly name: string) {}
}

/** A call that a pickle asks for. */
export class Call {
  constructor(
    readonly of: Global,
    readonly args: readonly unknown[],
  ) {}
}

/** Something that is kept outside of the pickle. */
export class Persistent {
  constructor(readonly id: unknown) {}
}

/** A pickle with something in it that tensors do not need. */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}

const MARK = Symbol('mark');

/**
 * A pickle as data. Only the operations are read that `torch.save` writes; anything else, such as an instance of a class, is refused by its
 * name. Names and calls stay what they are, so a pickle can make nothing happen; what is allowed of them, the reader of the data says.
 *
 * The operations: https://github.com/python/cpython/blob/3.12/Lib/pickletools.py. The npm package pickleparser is not used: a negative length makes it
 * read the same bytes for ever, and it calls what names resolve to.
 *
 * @throws PickleError
 */
export function readPickle(bytes: Uint8Array): unknown {
  return new Unpickler(bytes).read();
}

class Unpickler {
  private at = 0;
  private readonly stack: unknown[] = [];
  private readonly memo = new Map<number, unknown>();
  private readonly view: DataView;
  private readonly text = new TextDecoder('utf-8', { fatal: true });

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): unknown {
    for (;;) {
      const code = String.fromCharCode(this.byte());
      if (code === '.') return this.pop();
      const run = OPERATIONS[code];
      if (!run) throw new PickleError(`it has the operation ${NAMES[code] ?? JSON.stringify(code)}`);
      run(this);
    }
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw new PickleError('it ends too early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  number(size: number, get: (view: DataView, at: number) => number): number {
    this.take(size);
    return get(this.view, this.at - size);
  }

  byte(): number {
    return this.number(1, (view, at) => view.getUint8(at));
  }

  uint32(): number {
    return this.number(4, (view, at) => view.getUint32(at, true));
  }

  string(length: number): string {
    try {
      return this.text.decode(this.take(length));
    } catch (cause) {
      throw cause instanceof PickleError ? cause : new PickleError('it has a text that is not UTF-8');
    }
  }

  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw new PickleError('it ends too early');
    const line = this.string(end - this.at);
    this.at = end + 1;
    return line;
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length === 0) throw new PickleError('it takes more than it has');
    return this.stack.pop();
  }

  /** What there is above the last mark. */
  popMark(): unknown[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw new PickleError('it takes more than it has');
    const items = this.stack.splice(mark + 1);
    this.stack.pop();
    return items;
  }

  /** The thing below what was taken, which must be of a kind. */
  top<T>(is: (value: unknown) => value is T): T {
    const top = this.stack.at(-1);
    if (!is(top)) throw new PickleError('it puts something where nothing can be put');
    return top;
  }

  put(index: number): void {
    this.memo.set(index, this.stack.at(-1));
  }

  get(index: number): void {
    if (!this.memo.has(index)) throw new PickleError('it names what it has not made');
    this.stack.push(this.memo.get(index));
  }

  memoize(): void {
    this.put(this.memo.size);
  }
}

const isMap = (value: unknown): value is Map<unknown, unknown> => value instanceof Map;
const isList = (value: unknown): value is unknown[] => Array.isArray(value);

/** An ordered dict is made by a call and filled afterwards. */
const called = (of: unknown, args: unknown): unknown => {
  if (!(of instanceof Global) || !isList(args)) throw new PickleError('it calls what is no name');
  return of.name === 'collections.OrderedDict' ? new Map() : new Call(of, args);
};

function setItems(to: Map<unknown, unknown>, items: readonly unknown[]): void {
  for (let i = 0; i + 1 < items.length; i += 2) to.set(items[i], items[i + 1]);
}

const global = (module: unknown, name: unknown): Global => new Global(`${String(module)}.${String(name)}`);

const OPERATIONS: Readonly<Record<string, (p: Unpickler) => void>> = {
  '\x80': (p) => {
    p.byte(); // the version
  },
  '\x95': (p) => {
    p.take(8); // the length of a frame
  },
  '(': (p) => p.push(MARK),
  '}': (p) => p.push(new Map()),
  ']': (p) => p.push([]),
  ')': (p) => p.push([]),
  t: (p) => p.push(p.popMark()),
  '\x85': (p) => p.push([p.pop()]),
  '\x86': (p) => p.push([p.pop(), p.pop()].reverse()),
  '\x87': (p) => p.push([p.pop(), p.pop(), p.pop()].reverse()),
  a: (p) => {
    const value = p.pop();
    p.top(isList).push(value);
  },
  e: (p) => {
    const items = p.popMark();
    const list = p.top(isList);
    for (const item of items) list.push(item);
  },
  s: (p) => {
    const [value, key] = [p.pop(), p.pop()];
    p.top(isMap).set(key, value);
  },
  u: (p) => {
    const items = p.popMark();
    setItems(p.top(isMap), items);
  },
  // The attributes of an ordered dict, such as a state dict's `_metadata`.
  b: (p) => {
    p.pop();
    p.top(isMap);
  },
  N: (p) => p.push(null),
  '\x88': (p) => p.push(true),
  '\x89': (p) => p.push(false),
  K: (p) => p.push(p.byte()),
  M: (p) => p.push(p.number(2, (view, at) => view.getUint16(at, true))),
  J: (p) => p.push(p.number(4, (view, at) => view.getInt32(at, true))),
  '\x8a': (p) => p.push(long(p.take(p.byte()))),
  G: (p) => p.push(p.number(8, (view, at) => view.getFloat64(at, false))),
  X: (p) => p.push(p.string(p.uint32())),
  '\x8c': (p) => p.push(p.string(p.byte())),
  c: (p) => p.push(global(p.line(), p.line())),
  '\x93': (p) => {
    const [name, module] = [p.pop(), p.pop()];
    p.push(global(module, name));
  },
  R: (p) => {
    const [args, of] = [p.pop(), p.pop()];
    p.push(called(of, args));
  },
  Q: (p) => p.push(new Persistent(p.pop())),
  q: (p) => p.put(p.byte()),
  r: (p) => p.put(p.uint32()),
  h: (p) => p.get(p.byte()),
  j: (p) => p.get(p.uint32()),
  '\x94': (p) => p.memoize(),
};

/** A whole number of any length, little-endian, two's complement. */
function long(bytes: Uint8Array): number {
  if (bytes.length > 8) throw new PickleError('it has a number of more than 64 bits');
  let value = 0n;
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * i);
  return Number(BigInt.asIntN(bytes.length * 8, value));
}

/** What others are called, for those who have to mend them. */
const NAMES: Readonly<Record<string, string>> = {
  i: 'INST',
  o: 'OBJ',
  P: 'PERSID',
  '\x81': 'NEWOBJ',
  '\x92': 'NEWOBJ_EX',
  '\x82': 'EXT1',
  '\x83': 'EXT2',
  '\x84': 'EXT4',
  '\x8e': 'BINBYTES8',
  '\x8d': 'BINUNICODE8',
  '\x96': 'BYTEARRAY8',
  '\x97': 'NEXT_BUFFER',
  B: 'BINBYTES',
  C: 'SHORT_BINBYTES',
  '\x8f': 'EMPTY_SET',
};
