"""A program that starts slowly: python slow_child.py <port> <seconds> <log|processor|silence>. Then it listens."""

import socket
import sys
import time

port, seconds, manner = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
until = time.monotonic() + seconds
while time.monotonic() < until:
    if manner == "log":
        print("still recovering", flush=True)
    if manner != "processor":
        time.sleep(0.1)
with socket.socket() as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    while True:
        connection, _ = listener.accept()
        connection.close()
