"""All metadata is in setup.cfg; this file lets the robot's old pip (9 to 21) install the package too."""
from setuptools import setup

setup()
