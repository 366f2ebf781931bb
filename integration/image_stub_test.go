package integration

func removeImage() {}
