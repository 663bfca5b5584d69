"""How much CPU does leadready take, as a multiple of the least that any job over the touches must do?"""
