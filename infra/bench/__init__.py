"""What Postroom costs in time, memory and traffic, measured beside other programs that do the same.

`make bench` runs all of it and prints the tables of `docs/performance.md`. Everything that is read or
written lies in memory (tmpfs), all servers listen on loopback, and contenders take turns, so that a
slow moment of the machine meets all of them.
"""
