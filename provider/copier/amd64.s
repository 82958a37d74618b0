# Brings files out of its own image: the first argument is the folder that gets them, each further one a list of what to
# bring. A list's entries are a letter and texts that end in NUL: d path (a folder), f path and x path (a file; x may be
# executed), l path target (a link). Paths are relative, below / here and below the folder there.
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
  mov rbx, rsp                            # the number of arguments, then they themselves, then 0
  cmp qword ptr [rbx], 3
  jl fail
  xor edi, edi
  mov eax, 95                             # umask: modes are as they are written here
  syscall
  lea rsi, [rip + root]
  mov edx, 0x10000                        # O_DIRECTORY
  call open
  mov r12d, eax                           # r12: where files come from
  mov rsi, [rbx + 16]
  mov edx, 0x10000
  call open
  mov r13d, eax                           # r13: where they go
  add rbx, 16
next_list:
  add rbx, 8
  mov rsi, [rbx]
  test rsi, rsi
  jz done
  xor edx, edx
  call open
  mov r14d, eax
  mov edi, eax
  xor esi, esi
  mov edx, 2                              # to the end
  mov eax, 8                              # lseek
  syscall
  test rax, rax
  js fail
  jz next_list
  mov r15, rax
  xor edi, edi
  mov rsi, rax
  mov edx, 1                              # to be read
  mov r10d, 2                             # for us alone
  mov r8d, r14d
  xor r9d, r9d
  mov eax, 9                              # mmap
  syscall
  test rax, rax
  js fail
  mov rbp, rax                            # rbp: the entry that is next
  add r15, rax                            # r15: the end of the list
next_entry:
  cmp rbp, r15
  jae next_list
  mov al, [rbp]
  inc rbp
  cmp al, 'd'
  je folder
  cmp al, 'l'
  je link
  mov r10d, 0644
  cmp al, 'f'
  je copy
  mov r10d, 0755
  cmp al, 'x'
  jne fail

copy:
  mov edi, r13d
  mov rsi, rbp
  mov edx, 0x20241                        # write, create, truncate; not through a link
  mov eax, 257                            # openat
  syscall
  test rax, rax
  js fail
  mov r14d, eax
  mov edi, r12d
  mov rsi, rbp
  xor edx, edx
  mov eax, 257
  syscall
  test rax, rax
  js fail
  push rax
more:
  mov edi, r14d
  mov rsi, [rsp]
  xor edx, edx
  mov r10d, 0x40000000
  mov eax, 40                             # sendfile
  syscall
  test rax, rax
  js fail
  jnz more
  pop rdi
  mov eax, 3                              # close
  syscall
  mov edi, r14d
  mov eax, 3
  syscall
  call skip
  jmp next_entry

folder:
  mov edi, r13d
  mov rsi, rbp
  mov edx, 0755
  mov eax, 258                            # mkdirat
  syscall
  call allow_existing
  call skip
  jmp next_entry

link:
  mov rdx, rbp
  call skip
  mov rdi, rbp
  mov esi, r13d
  mov eax, 266                            # symlinkat
  syscall
  call allow_existing
  call skip
  jmp next_entry

open:
  mov edi, -100                           # relative paths start at the working directory
  xor r10d, r10d
  mov eax, 257                            # openat
  syscall
  test rax, rax
  js fail
  ret

allow_existing:                           # a container that was started again finds what it made before
  cmp rax, -17
  je allowed
  test rax, rax
  js fail
allowed:
  ret

skip:
  cmp byte ptr [rbp], 0
  lea rbp, [rbp + 1]
  jne skip
  ret

done:
  xor edi, edi
  jmp exit
fail:
  mov edi, 1
exit:
  mov eax, 60
  syscall
root:
  .asciz "/"
.balign 8
end:
