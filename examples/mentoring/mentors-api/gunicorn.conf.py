"""How does Gunicorn serve, beyond the number of workers that the Procfile gives it?"""

worker_class = "gthread"
# Longer than any router or gateway keeps an idle connection, so that it is never us who closes under a request.
keepalive = 75
# A heartbeat file on a slow disk would make workers look dead.
worker_tmp_dir = "/dev/shm"
# Nobody steers it by hand, and its default place is the same for every app of this user.
control_socket_disable = True
