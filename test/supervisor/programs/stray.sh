# Leaves a process behind in a session of its own that ignores SIGTERM.
setsid sh -c 'trap "" TERM; echo stray $$; while :; do sleep 1; done' &
exec sleep 1000
