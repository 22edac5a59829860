"""For whoever changes the lessons: ``python -m authoring``.

execute   run the lessons and commit what they print
editions  the lessons for students and for instructors
guide     the parts of the instructor's guide that are computed
notes     what an instructor should know of each lesson
"""
