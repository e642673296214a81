replication = 1
