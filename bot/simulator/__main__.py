"""`python -m bot.simulator --port 8081 --token 123:abc` runs the simulator alone."""

from bot.simulator.server import main

if __name__ == "__main__":
    main()
