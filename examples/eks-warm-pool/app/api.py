import platform
import signal
import sys

import requests

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(f"Hello from {platform.node()}: Python {platform.python_version()}, requests {requests.__version__}")
signal.pause()
