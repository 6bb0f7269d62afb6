#!/bin/sh
# Stands for the interpreter: prints the arguments and the environment that a wrapper gives it, each ended by a NUL, and
# an empty one between them.
for argument; do
    printf '%s\0' "$argument"
done
printf '\0'
exec cat /proc/self/environ
