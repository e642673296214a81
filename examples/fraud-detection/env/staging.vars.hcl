partitions  = 12
replication = 3
