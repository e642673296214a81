job_version = "1.0.0"
parallelism = 6
partitions  = 12
replication = 3
