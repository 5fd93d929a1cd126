"""M/M/5 at 90 % load in SimPy's documented idiom, a process a customer and a Resource.

    python3 simpy_resource.py MESSAGES SEED

Prints customers per CPU second and the mean wait in seconds.
"""

import random
import sys
import time

import simpy


def customer(env, servers, call_s, waits):
    sent = env.now
    with servers.request() as request:
        yield request
        waits[0] += env.now - sent
        yield env.timeout(call_s)


def source(env, servers, messages, draw, waits):
    for _ in range(messages):
        yield env.timeout(draw.expovariate(4.5))
        env.process(customer(env, servers, draw.expovariate(1.0), waits))


def main():
    messages, seed = int(sys.argv[1]), int(sys.argv[2])
    env = simpy.Environment()
    servers = simpy.Resource(env, capacity=5)
    waits = [0.0]
    env.process(source(env, servers, messages, random.Random(seed), waits))
    before = time.process_time()
    env.run()
    took = time.process_time() - before
    print(messages / took, waits[0] / messages)


main()
