"""`python3 -m classifier`: the module's process."""

from classifier.module import main
from classifier.self_test import self_test
from classifier.settings import ClassifierSettings
from module_kit.module import run_module

if __name__ == "__main__":
    run_module("classifier", ClassifierSettings, main, self_test=self_test)
