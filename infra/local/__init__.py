"""The local stack: the deployed template on a local AWS API, beside a real mail server and a real
authorization server.

It guarantees that everything listens on loopback only, that whatever a command started is stopped
when the command ends in whatever way, and that nothing is installed outside of `.local/` except
Dovecot and Chromium, which come from the distribution. Functions have the rights of their roles and no
others, as on AWS; conditions on a table's keys, which the emulator does not know, are judged after the tests
(rights_used.py).

It leaves out what AWS enforces and the emulator does not: memory limits, quotas, throttling.
"""
