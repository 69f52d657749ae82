# What the kernel does for a program with a dynamic linker (load_elf_binary in fs/binfmt_elf.c), done here, so that handover.s
# can come before: where an agent answers, the linker and its libraries, 2.4 ms, are not needed. In: r12, the stack as the
# kernel laid it out. build/handover.ts has taken the linker out of the program headers and gives
#
#   interpreter        its path
#   interpreter_type   the type of its program header, which the linker looks for
#   node_start         the program's own first instruction, where the linker goes at last

        .set    read, 0
        .set    write, 1
        .set    open, 2
        .set    close, 3
        .set    mmap, 9
        .set    exit_group, 231

        .set    PT_LOAD, 1                      # elf.h
        .set    PT_INTERP, 3
        .set    e_entry, 24
        .set    e_phoff, 32
        .set    e_phnum, 56
        .set    p_flags, 4
        .set    p_offset, 8
        .set    p_vaddr, 16
        .set    p_filesz, 32
        .set    p_memsz, 40
        .set    sizeof_phdr, 56
        .set    AT_NULL, 0
        .set    AT_BASE, 7
        .set    AT_ENTRY, 9

        .set    PRIVATE, 0x02                   # MAP_* of asm-generic/mman.h
        .set    FIXED, 0x10
        .set    ANONYMOUS, 0x20
        .set    header_size, 2048

        .globl  start_node
start_node:
        mov     $open, %eax
        mov     $interpreter, %edi
        mov     $0x80000, %esi                  # O_RDONLY | O_CLOEXEC
        syscall
        test    %eax, %eax
        js      missing
        mov     %eax, %r14d
        lea     -header_size(%r12), %rsp
        mov     $read, %eax
        mov     %r14d, %edi
        mov     %rsp, %rsi
        mov     $header_size, %edx
        syscall
        cmp     $64, %rax
        jl      missing

        mov     %rsp, %r13                      # its program headers
        add     e_phoff(%rsp), %r13
        movzwl  e_phnum(%rsp), %r15d
        imul    $sizeof_phdr, %r15d, %ecx
        add     %r13, %rcx
        cmp     %r12, %rcx
        ja      missing
        mov     %r13, %rbx                      # the place that all of it takes: to the end of its last segment
        mov     %r15d, %ecx
        xor     %esi, %esi
extent: cmpl    $PT_LOAD, (%rbx)
        jne     1f
        mov     p_vaddr(%rbx), %rsi
        add     p_memsz(%rbx), %rsi
1:      add     $sizeof_phdr, %rbx
        dec     %ecx
        jnz     extent
        xor     %edi, %edi
        xor     %edx, %edx
        mov     $PRIVATE | ANONYMOUS, %r10d
        call    map
        mov     %rax, %rbp

        mov     %r13, %rbx
segment:
        cmpl    $PT_LOAD, (%rbx)
        jne     2f
        mov     p_vaddr(%rbx), %rdi
        mov     %rdi, %rcx
        and     $0xfff, %ecx                    # a segment begins somewhere in a page
        sub     %rcx, %rdi
        add     %rbp, %rdi
        mov     p_filesz(%rbx), %rsi
        add     %rcx, %rsi
        mov     p_offset(%rbx), %r9
        sub     %rcx, %r9
        mov     p_flags(%rbx), %eax             # PF_X 1, PF_W 2, PF_R 4: PROT_* has them the other way round
        mov     %eax, %edx
        and     $2, %edx
        bt      $2, %eax
        adc     $0, %edx
        and     $1, %eax
        lea     (%rdx,%rax,4), %edx
        mov     $PRIVATE | FIXED, %r10d
        mov     %r14d, %r8d
        call    map_file

        mov     p_memsz(%rbx), %rsi             # beyond the file's part: zeros, to the end of a page and then pages of them
        sub     p_filesz(%rbx), %rsi
        jz      2f
        mov     p_vaddr(%rbx), %rdi
        add     %rbp, %rdi
        add     p_filesz(%rbx), %rdi
        lea     (%rdi,%rsi), %r11               # its end
        mov     %rdi, %rcx
        neg     %rcx
        and     $0xfff, %ecx
        xor     %eax, %eax
        rep stosb
        mov     %r11, %rsi
        sub     %rdi, %rsi
        jbe     2f
        mov     $PRIVATE | FIXED | ANONYMOUS, %r10d
        call    map
2:      add     $sizeof_phdr, %rbx
        dec     %r15d
        jnz     segment

        mov     $close, %eax
        mov     %r14d, %edi
        syscall
        mov     e_entry(%rsp), %rbx
        add     %rbp, %rbx

        movl    $PT_INTERP, interpreter_type
        mov     (%r12), %rcx                    # the auxiliary vector is after the arguments and the environment
        lea     16(%r12,%rcx,8), %rsi
3:      lodsq
        test    %rax, %rax
        jnz     3b
4:      mov     (%rsi), %rax
        cmp     $AT_BASE, %rax
        jne     5f
        mov     %rbp, 8(%rsi)
5:      cmp     $AT_ENTRY, %rax
        jne     6f
        movq    $node_start, 8(%rsi)
6:      add     $16, %rsi
        test    %rax, %rax                      # AT_NULL
        jnz     4b

        mov     %r12, %rsp
        xor     %edx, %edx
        jmp     *%rbx

# Maps rsi bytes of nothing at rdi, for edx, as r10d says; or of file r8d, from r9 on.
map:    mov     $-1, %r8
        xor     %r9d, %r9d
map_file:
        mov     $mmap, %eax
        syscall
        cmp     $-4096, %rax
        ja      missing
        ret

missing:
        mov     $write, %eax
        mov     $2, %edi
        lea     text(%rip), %rsi
        mov     $text_end - text, %edx
        syscall
        mov     $exit_group, %eax
        mov     $127, %edi
        syscall

text:   .ascii  "Cannot load the dynamic linker of glibc\n"
text_end:
