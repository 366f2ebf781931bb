module gosupervisor/integration

go 1.26.0
