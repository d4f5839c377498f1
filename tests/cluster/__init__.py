"""A real Kubernetes cluster, S3 server and original Velero as plain processes on one machine."""
