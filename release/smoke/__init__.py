"""Known pictures through a deployed solution: do the labels that they must have arrive upstream?"""
