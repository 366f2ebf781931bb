package integration
func removeImage() {}
