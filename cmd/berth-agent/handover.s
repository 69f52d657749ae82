# The first instructions of every plugin's process (build/handover.ts puts them there, before the dynamic linker and
# Node.js): where an agent listens, it is asked to answer in this process's stead, which so ends before it has begun. The
# agent takes what it needs of the process from the kernel (caller.ts), so nothing is sent, and it answers with a byte:
#
#   0  not me          Node.js goes on as if nothing had been
#   1  I answer        then a second byte: the exit status. Before that the agent has written all output
#
# One that does not take the call within a moment, being gone or busy, is left alone. System calls: registers rax (number)
# and rdi, rsi, rdx, r10, r8, r9; they change rcx and r11.

        .set    read, 0
        .set    write, 1
        .set    close, 3
        .set    poll, 7
        .set    socket, 41
        .set    connect, 42
        .set    shutdown, 48
        .set    exit_group, 231

        .set    POLLIN, 1
        .set    patience, 2000                  # milliseconds: many calls at once are answered sooner by waiting

        .globl  _start
_start: mov     %rsp, %r12                      # argc, argv[], NULL, environment[], NULL: as the kernel laid it out
        sub     $16, %rsp                       # (%rsp): a struct pollfd; 8(%rsp): the byte read

        cmpq    $1, (%r12)                      # a plugin is called without arguments, and has a CNI_COMMAND
        jne     node
        lea     24(%r12), %rbx
        movabs  $0x4d4d4f435f494e43, %rax       # "CNI_COMM", and "AND=" after it
variable:
        mov     (%rbx), %rcx
        add     $8, %rbx
        test    %rcx, %rcx
        jz      node
        cmp     %rax, (%rcx)
        jne     variable
        cmpl    $0x3d444e41, 8(%rcx)
        jne     variable

        mov     $socket, %eax
        mov     $1, %edi                        # AF_UNIX
        mov     $0x80805, %esi                  # SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC
        xor     %edx, %edx
        syscall
        test    %eax, %eax
        js      node
        mov     %eax, %ebp
        cmp     $2, %eax
        jle     alone                           # one of the standard ones is closed, which are the agent's to take
        movl    %ebp, (%rsp)
        movl    $POLLIN, 4(%rsp)

        mov     $connect, %eax
        mov     %ebp, %edi
        lea     agent(%rip), %rsi
        mov     $agent_end - agent, %edx
        syscall
        test    %eax, %eax
        jnz     alone                           # nobody listens, or too many wait already

        mov     $patience, %edx
        call    wait
        cmp     $1, %eax
        je      answered
        mov     $shutdown, %eax                 # from now on nothing comes; what has come is still there
        mov     %ebp, %edi
        xor     %esi, %esi                      # SHUT_RD
        syscall
answered:
        call    receive
        jne     alone
        cmpb    $1, 8(%rsp)
        jne     alone

        mov     $-1, %edx                       # without end, as if the work were done here
        call    wait
        call    receive
        movzbl  8(%rsp), %edi
        je      leave
        mov     $write, %eax                    # the agent ended over it
        mov     $1, %edi
        lea     lost(%rip), %rsi
        mov     $lost_end - lost, %edx
        syscall
        mov     $1, %edi
leave:  mov     $exit_group, %eax
        syscall

alone:  mov     $close, %eax
        mov     %ebp, %edi
        syscall
node:   jmp     start_node                      # interpreter.s

# Waits for something to read, edx milliseconds at most. eax: 1 when there is something.
wait:   mov     $poll, %eax
        lea     8(%rsp), %rdi                   # past the return address
        mov     $1, %esi
        syscall
        ret

# Reads a byte. Equal: there was one.
receive:
        mov     $read, %eax
        mov     %ebp, %edi
        lea     16(%rsp), %rsi
        mov     $1, %edx
        syscall
        cmp     $1, %eax
        ret

agent:  .short  1                               # AF_UNIX
        .asciz  "/run/berth/agent.sock"
agent_end:
lost:   .ascii  "{\"cniVersion\":\"1.0.0\",\"code\":11,\"msg\":\"Cannot tell what became of the call: the agent that took it ended\"}\n"
lost_end:
