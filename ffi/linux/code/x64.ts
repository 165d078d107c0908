import { type Line, littleEndian, type Part } from "./line.ts";

const address = (name: string): Part => (values) => littleEndian(values[name]!, 8);
const number = (name: string): Part => (values) => littleEndian(values[name]!, 4);

/** See `Code.onEachThread`. A system call keeps all registers but rax, rcx and r11. */
export const ON_EACH_THREAD: readonly Line[] = [
  ["movabs r9, {table}", "49b9", address("table")],
  ["next:"],
  ["mov rax, [r9]", "498b01"],
  ["test rax, rax", "4885c0"],
  ["js done", "7825"],
  ["mov rdi, [r9+8]", "498b7908"],
  ["mov rsi, [r9+16]", "498b7110"],
  ["mov rdx, [r9+24]", "498b5118"],
  ["mov r10, [r9+32]", "4d8b5120"],
  ["xor r8d, r8d", "4531c0"],
  ["syscall", "0f05"],
  ["test rax, rax", "4885c0"],
  ["jns good", "7905"],
  ["lock inc dword ptr [r9+40]", "f041ff4128"],
  ["good:"],
  ["add r9, 48", "4983c130"],
  ["jmp next", "ebd3"],
  ["done:"],
  ["mov eax, 186", "b8ba000000"], // gettid
  ["syscall", "0f05"],
  ["movabs r9, {done}", "49b9", address("done")],
  ["mov edx, 1", "ba01000000"],
  ["lock xadd [r9], edx", "f0410fc111"],
  ["cmp edx, {room}", "81fa", number("room")],
  ["jae full", "7305"],
  ["mov [r9+rdx*4+4], eax", "4189449104"],
  ["full:"],
  ["ret", "c3"],
];

/** See `Code.lastWords`. The number of the call is where the kernel has put it back: uc_mcontext.rax. */
export const LAST_WORDS: readonly Line[] = [
  ["mov eax, [rdx+144]", "8b8290000000"],
  ["cmp eax, {end}", "3d", number("end")],
  ["jb known", "7205"],
  ["mov eax, {end}", "b8", number("end")],
  ["known:"],
  ["movabs rsi, {number}", "48be", address("number")],
  ["mov [rsi], eax", "8906"],
  ["mov ebx, eax", "89c3"],
  ["mov edi, {file}", "bf", number("file")],
  ["mov edx, 4", "ba04000000"],
  ["mov eax, 1", "b801000000"], // write
  ["syscall", "0f05"],
  ["shl rbx, 9", "48c1e309"],
  ["movabs rsi, {lines}", "48be", address("lines")],
  ["add rsi, rbx", "4801de"],
  ["movzx edx, word ptr [rsi]", "0fb716"],
  ["add rsi, 2", "4883c602"],
  ["mov edi, {log}", "bf", number("log")],
  ["mov eax, 1", "b801000000"],
  ["syscall", "0f05"],
  ["mov edi, {status}", "bf", number("status")],
  ["mov eax, 231", "b8e7000000"], // exit_group
  ["syscall", "0f05"],
];
