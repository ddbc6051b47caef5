/** A pickle of protocol 2, as `torch.save` writes them: operations put together by hand. */
export const op = {
  begin: Buffer.from([0x80, 2]),
  end: Buffer.from('.'),
  mark: Buffer.from('('),
  tuple: Buffer.from('t'),
  dict: Buffer.from('}'),
  list: Buffer.from(']'),
  setItems: Buffer.from('u'),
  append: Buffer.from('a'),
  persistent: Buffer.from('Q'),
  call: Buffer.from('R'),
  false: Buffer.from([0x89]),
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  text(value: string): Buffer {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(value));
    return Buffer.concat([Buffer.from('X'), length, Buffer.from(value)]);
  },
  int(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return Buffer.concat([Buffer.from('J'), bytes]);
  },
};

const ints = (values: readonly number[]) => [op.mark, ...values.map(op.int), op.tuple];

export interface TensorLike {
  readonly type?: string;
  readonly key?: string;
  readonly count: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export const tensor = ({ type = 'FloatStorage', key = '0', count, offset = 0, shape, strides }: TensorLike): Buffer =>
  Buffer.concat([
    op.global('torch._utils', '_rebuild_tensor_v2'),
    op.mark,
    ...[op.mark, op.text('storage'), op.global('torch', type), op.text(key), op.text('cpu'), op.int(count), op.tuple],
    op.persistent,
    op.int(offset),
    ...ints(shape),
    ...ints(strides),
    op.false,
    ...[op.global('collections', 'OrderedDict'), op.mark, op.tuple, op.call],
    op.tuple,
    op.call,
  ]);

export const dictOf = (items: Readonly<Record<string, Buffer>>): Buffer =>
  Buffer.concat([
    op.dict,
    op.mark,
    ...Object.entries(items).flatMap(([key, value]) => [op.text(key), value]),
    op.setItems,
  ]);

export const pickle = (value: Buffer): Buffer => Buffer.concat([op.begin, value, op.end]);
