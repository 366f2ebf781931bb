package conf

func (s *scope) checkEnvironment(key, value string) {}
