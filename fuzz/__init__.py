"""Fuzzing: any bytes go into the rooms that read what users wrote; laws say what must hold.

``targets`` holds the laws, ``seeds`` the first inputs and the dictionary, ``__main__`` the run
under atheris. The laws need no atheris, so the tests try each on the seeds, with Hypothesis too.
"""
