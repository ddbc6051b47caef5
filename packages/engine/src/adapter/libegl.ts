import { cacheFile } from './cache.js';
import { preload } from './dawn.js';

/**
 * Makes the system's EGL loadable by the name Dawn uses.
 *
 * Dawn opens `libEGL.so`, a name that only the -dev packages have; what runs is `libEGL.so.1`. A stub library that is
 * called `libEGL.so` and does nothing but depend on `libEGL.so.1`, loaded first, answers to the name.
 *
 * @returns why EGL cannot be loaded, or undefined.
 */
export function preloadEgl(): string | undefined {
  const missing = preload('libEGL.so.1');
  if (missing) return missing;
  const machine = MACHINES[process.arch];
  if (machine === undefined) return undefined; // then the -dev name has to do
  return preload(
    cacheFile(`egl-stub-1-${process.arch}/libEGL.so`, () => stubLibrary('libEGL.so', 'libEGL.so.1', machine)),
  );
}

// e_machine of the ELF header
const MACHINES: Record<string, number | undefined> = { x64: 62, arm64: 183 };

/** An ELF shared object without code: a name of its own, and one dependency. */
export function stubLibrary(soname: string, needed: string, machine: number): Buffer {
  const strings = Buffer.from(`\0${soname}\0${needed}\0`, 'latin1');
  const header = 64;
  const programHeaders = 3 * 56; // PT_LOAD, PT_DYNAMIC, PT_GNU_STACK
  const symbols = header + programHeaders; // one null symbol
  const dynamic = symbols + 24;
  const entries: Array<[tag: number, value: number]> = [
    [14, 1], // DT_SONAME
    [1, soname.length + 2], // DT_NEEDED
    [5, 0], // DT_STRTAB, filled in below
    [6, symbols], // DT_SYMTAB
    [10, strings.length], // DT_STRSZ
    [11, 24], // DT_SYMENT
    [0, 0],
  ];
  const stringTable = dynamic + entries.length * 16;
  (entries[2] as [number, number])[1] = stringTable;
  const size = stringTable + strings.length;

  const elf = Buffer.alloc(size);
  elf.write('\x7fELF\x02\x01\x01', 'latin1'); // 64 bits, little-endian
  elf.writeUInt16LE(3, 16); // ET_DYN
  elf.writeUInt16LE(machine, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(header), 32); // where the program headers are
  elf.writeUInt16LE(header, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(3, 56);
  elf.writeUInt16LE(64, 58);
  programHeader(elf, header, { type: 1, flags: 6, offset: 0, size, align: 0x10000 });
  programHeader(elf, header + 56, { type: 2, flags: 6, offset: dynamic, size: entries.length * 16, align: 8 });
  programHeader(elf, header + 112, { type: 0x6474e551, flags: 6, offset: 0, size: 0, align: 16 });
  entries.forEach(([tag, value], i) => {
    elf.writeBigUInt64LE(BigInt(tag), dynamic + i * 16);
    elf.writeBigUInt64LE(BigInt(value), dynamic + i * 16 + 8);
  });
  strings.copy(elf, stringTable);
  return elf;
}

function programHeader(
  elf: Buffer,
  at: number,
  { type, flags, offset, size, align }: { type: number; flags: number; offset: number; size: number; align: number },
): void {
  elf.writeUInt32LE(type, at);
  elf.writeUInt32LE(flags, at + 4);
  for (const [i, value] of [offset, offset, offset, size, size, align].entries()) {
    elf.writeBigUInt64LE(BigInt(value), at + 8 + i * 8);
  }
}
