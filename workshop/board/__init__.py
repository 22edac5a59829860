"""The instructor's board: who is at which exercise, live and without anybody's code.

- `store`: what is kept of a room, and the end of it
- `state`: what the board shows, reckoned from that
- `server`: takes reports from attendees, shows the page to the instructor alone
- `page/`: the page
- `rehearsal`: a room of scripted attendees
"""
