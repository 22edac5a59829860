"""What an instructor needs to teach a room: a JupyterHub, a bundle for a stick, a trial of both."""
