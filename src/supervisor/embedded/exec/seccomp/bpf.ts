/**
 * Programs of the kernel's filter of system calls, as bytes: seccomp(2), struct sock_filter. Pure.
 *
 * A program looks at a call's number and arguments and ends by saying what becomes of the call.
 */

/** One instruction; jumps are relative to the next one. */
export interface Instruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly value: number;
}

/** Offsets in struct seccomp_data; arguments are 64 bits wide, the low half first. */
const NUMBER_AT = 0;
const ARCHITECTURE_AT = 4;
const ARGUMENTS_AT = 16;

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const AND = 0x54;
const RETURN = 0x06;

/** The kernel counts at most so many instructions. */
export const MAX_INSTRUCTIONS = 4096;

function instruction(code: number, value: number, jumpTrue = 0, jumpFalse = 0): Instruction {
  return { code, jumpTrue, jumpFalse, value };
}

/** What becomes of a call. */
export const ALLOW = 0x7fff_0000;
export const KILL_PROCESS = 0x8000_0000;

/** The call fails with this error's number. */
export function failWith(errno: number): number {
  return 0x0005_0000 | errno;
}

export const loadNumber = instruction(LOAD, NUMBER_AT);
export const loadArchitecture = instruction(LOAD, ARCHITECTURE_AT);

/** The low half of an argument: flags and modes have no other. */
export function loadArgument(index: number): Instruction {
  return instruction(LOAD, ARGUMENTS_AT + 8 * index);
}

export function maskWith(bits: number): Instruction {
  return instruction(AND, bits);
}

export function end(action: number): Instruction {
  return instruction(RETURN, action);
}

/** `then` where what is loaded equals the value. */
export function whenEqual(value: number, then: readonly Instruction[]): readonly Instruction[] {
  return [instruction(JUMP_EQUAL, value, 0, then.length), ...then];
}

export function unlessEqual(value: number, then: readonly Instruction[]): readonly Instruction[] {
  return [instruction(JUMP_EQUAL, value, then.length, 0), ...then];
}

export function whenAtLeast(value: number, then: readonly Instruction[]): readonly Instruction[] {
  return [instruction(JUMP_AT_LEAST, value, 0, then.length), ...then];
}

export function whenAnyBit(bits: number, then: readonly Instruction[]): readonly Instruction[] {
  return [instruction(JUMP_ANY_BIT, bits, 0, then.length), ...then];
}

/** struct sock_filter in hex: eight bytes an instruction, in the byte order of the processors that are known. */
export function assemble(program: readonly Instruction[]): string {
  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  for (const [index, { code, jumpTrue, jumpFalse, value }] of program.entries()) {
    bytes.setUint16(index * 8, code, true);
    bytes.setUint8(index * 8 + 2, jumpTrue);
    bytes.setUint8(index * 8 + 3, jumpFalse);
    bytes.setUint32(index * 8 + 4, value, true);
  }
  return Array.from(new Uint8Array(bytes.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
