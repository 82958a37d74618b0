# The container that keeps an image on a node: it sleeps until it is asked to end. With an argument it writes itself to
# that path and ends: so it gets into a container whose own image has nothing to run.
# A whole ELF file, header included, without libc; `node tools/pause.mjs` assembles it. Linux, x86-64.
.intel_syntax noprefix
.text
file:
  .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0   # 64 bits, little endian
  .quad 0
  .short 2, 62                            # executable, x86-64
  .long 1
  .quad start
  .quad programs - file
  .quad 0
  .long 0
  .short 64, 56, 2, 0, 0, 0
programs:
  .long 1, 5                              # load, readable and executable
  .quad 0, file, file, end - file, end - file, 0x10000
  .long 0x6474e551, 6                     # a stack that is not executable
  .quad 0, 0, 0, 0, 0, 16
start:
  cmp qword ptr [rsp], 2                  # the number of arguments, our own name included
  jge write_itself

  xor edi, edi                            # block SIGINT and SIGTERM: process 1 of a container is not ended by them,
  lea rsi, [rip + signals]                # so it has to wait for them itself
  xor edx, edx
  mov r10d, 8
  mov eax, 14                             # rt_sigprocmask
  syscall
wait:
  lea rdi, [rip + signals]
  xor esi, esi
  xor edx, edx
  mov r10d, 8
  mov eax, 128                            # rt_sigtimedwait, without a time
  syscall
  test rax, rax
  jle wait
  xor edi, edi
  jmp exit

write_itself:
  mov rdi, [rsp + 16]                     # the first argument
  mov esi, 0x241                          # write, create, truncate
  mov edx, 0755
  mov eax, 2                              # open
  syscall
  mov edi, eax
  lea rsi, [rip + file]
  mov edx, offset end - file
  mov eax, 1                              # write; a file that did not open fails here
  syscall
  mov edi, 1
  cmp rax, offset end - file
  jne exit
  xor edi, edi
exit:
  mov eax, 60
  syscall
.balign 8
signals:
  .quad 0x4002                            # bits 1 and 14: SIGINT (2), SIGTERM (15)
end:
