"""A command on a terminal of its own: terminal.py ROWS COLUMNS COMMAND [ARGS...].

What comes in is typed, what the terminal shows goes out. Each line "ROWS COLUMNS" on descriptor 3 changes its size.
Exits with the command's code.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


rows, columns, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    resize(0, rows, columns)
    os.close(3)
    os.execvp(command[0], command)

inputs = [0, 3, terminal]
while True:
    ready, _, _ = select.select(inputs, [], [])
    for source in ready:
        try:
            data = os.read(source, 65536)
        except OSError:
            # Linux says so when the last program has left the terminal.
            data = b""
        if source == terminal and not data:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) % 256)
        elif not data:
            inputs.remove(source)
        elif source == 0:
            os.write(terminal, data)
        elif source == 3:
            for line in data.decode().splitlines():
                resize(terminal, *line.split())
        else:
            os.write(1, data)
