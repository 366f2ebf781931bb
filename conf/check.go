package conf

func (l *loader) check() []Problem { return l.warned.problems }
