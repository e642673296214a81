partitions  = 3
replication = 1
