job_version = "1.0.0"
parallelism = 2
partitions  = 3
replication = 1
