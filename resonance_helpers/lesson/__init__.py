"""What the lessons show and check: a module for each topic, plots, widgets and exercises.

connect   the one line at the head of every lesson
manifest  the lessons' order, titles and times
"""
