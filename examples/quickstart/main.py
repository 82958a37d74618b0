import os
import platform

import requests

print(os.environ["GREETING"])
print(f"Python {platform.python_version()}, requests {requests.__version__}, user {os.getuid()}, in {os.getcwd()}")
