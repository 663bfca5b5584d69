"""The models room: fit, evaluate, guard, promote and keep classifiers of sales acceptance."""
