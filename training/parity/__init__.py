"""Do all runtimes, the float model and every path from a picture to a tensor say the same?"""
