package api

import (
	"encoding/json"
	"unicode/utf8"

	"gosupervisor/ctl/jsontext"
)

// AppendJSON appends v as it stands in a reply, if it is of one of the kinds that
// nearly all replies are of; for the others there is encoding/json.
func AppendJSON(b []byte, v any) (_ []byte, ok bool) {
	switch x := v.(type) {
	case bool:
		return jsontext.AppendBool(b, x), true
	case int:
		return jsontext.AppendInt(b, int64(x)), true
	case string:
		return jsontext.AppendString(b, x), true
	case StateInfo:
		b = append(b, `{"statecode":`...)
		b = jsontext.AppendInt(b, int64(x.StateCode))
		return append(appendText(b, `,"statename":`, x.StateName), '}'), true
	case ProcessInfo:
		return x.append(b), true
	case []ProcessInfo:
		if x == nil {
			return b, false
		}
		b = append(b, '[')
		from := len(b)
		for i := range x {
			if i > 0 {
				b = append(b, ',')
			}
			if i == 1 { // the others will be about as long as the first one, if that is usual
				each := min(len(b)-from+len(x[0].Name), usualInfo)
				b = append(make([]byte, 0, len(b)+each*len(x)), b...)
			}
			b = x[i].append(b)
		}
		return append(b, ']'), true
	}
	return b, false
}

// usualInfo is how long nearly all descriptions are at the most, in bytes. A list is given
// room for as much of each and no more: the first one may have a path of a megabyte.
const usualInfo = 1 << 10

// append appends a description in the order of its fields.
func (p *ProcessInfo) append(b []byte) []byte {
	b = appendText(b, `{"name":`, p.Name)
	b = appendText(b, `,"group":`, p.Group)
	b = appendNumber(b, `,"start":`, p.Start)
	b = appendNumber(b, `,"stop":`, p.Stop)
	b = appendNumber(b, `,"now":`, p.Now)
	b = appendNumber(b, `,"state":`, int64(p.State))
	b = appendText(b, `,"statename":`, p.StateName)
	b = appendText(b, `,"spawnerr":`, p.SpawnErr)
	b = appendNumber(b, `,"exitstatus":`, int64(p.ExitStatus))
	b = appendText(b, `,"logfile":`, p.Logfile)
	b = appendText(b, `,"stdout_logfile":`, p.StdoutLogfile)
	b = appendText(b, `,"stderr_logfile":`, p.StderrLogfile)
	b = appendNumber(b, `,"pid":`, int64(p.PID))
	return append(appendText(b, `,"description":`, p.Description), '}')
}

func appendText(b []byte, before, text string) []byte {
	return jsontext.AppendString(append(b, before...), text)
}

func appendNumber(b []byte, before string, n int64) []byte {
	return jsontext.AppendInt(append(b, before...), n)
}

// UnmarshalString decodes a text as json.Unmarshal does. A short command has no other need of
// reflection, which takes its time to begin with.
func UnmarshalString(text []byte) (v string, err error) {
	s := jsontext.NewScanner(string(text))
	if v = s.String(); s.End() && utf8.Valid(text) {
		return v, nil
	}
	v = ""
	err = json.Unmarshal(text, &v)
	return v, err
}

// UnmarshalProcess decodes the description of a process as json.Unmarshal does.
func UnmarshalProcess(text []byte) (p ProcessInfo, err error) {
	if s := jsontext.NewScanner(string(text)); utf8.Valid(text) && p.scan(&s) && s.End() {
		return p, nil
	}
	p = ProcessInfo{}
	err = json.Unmarshal(text, &p)
	return p, err
}

// UnmarshalProcesses decodes a list of descriptions as json.Unmarshal does.
func UnmarshalProcesses(text []byte) (list []ProcessInfo, err error) {
	if list, ok := UsualProcesses(string(text)); ok {
		return list, nil
	}
	err = json.Unmarshal(text, &list)
	return list, err
}

// UsualProcesses decodes a list of descriptions if there is nothing unusual about it. The
// strings in it are parts of text.
func UsualProcesses(text string) (list []ProcessInfo, ok bool) {
	const least = 256 // bytes of most descriptions; not all of them
	list = make([]ProcessInfo, 0, len(text)/least+1)
	s := jsontext.NewScanner(text)
	good := utf8.ValidString(text)
	for s.Open('['); good && s.Next(']'); {
		list = append(list, ProcessInfo{})
		good = list[len(list)-1].scan(&s)
	}
	return list, good && s.End()
}

// usual reads a description of exactly the form that append gives it.
func (p *ProcessInfo) usual(s *jsontext.Scanner) bool {
	if !s.Literal(`{"name":`) {
		return false
	}
	p.Name = s.String()
	if !s.Literal(`,"group":`) {
		return false
	}
	p.Group = s.String()
	if !s.Literal(`,"start":`) {
		return false
	}
	p.Start = s.Int()
	if !s.Literal(`,"stop":`) {
		return false
	}
	p.Stop = s.Int()
	if !s.Literal(`,"now":`) {
		return false
	}
	p.Now = s.Int()
	if !s.Literal(`,"state":`) {
		return false
	}
	p.State = int(s.Int())
	if !s.Literal(`,"statename":`) {
		return false
	}
	p.StateName = s.String()
	if !s.Literal(`,"spawnerr":`) {
		return false
	}
	p.SpawnErr = s.String()
	if !s.Literal(`,"exitstatus":`) {
		return false
	}
	p.ExitStatus = int(s.Int())
	if !s.Literal(`,"logfile":`) {
		return false
	}
	p.Logfile = s.String()
	if !s.Literal(`,"stdout_logfile":`) {
		return false
	}
	p.StdoutLogfile = s.String()
	if !s.Literal(`,"stderr_logfile":`) {
		return false
	}
	p.StderrLogfile = s.String()
	if !s.Literal(`,"pid":`) {
		return false
	}
	p.PID = int(s.Int())
	if !s.Literal(`,"description":`) {
		return false
	}
	p.Description = s.String()
	return s.Literal("}")
}

// scan reads a description; false means that there is something unusual about it.
func (p *ProcessInfo) scan(s *jsontext.Scanner) bool {
	if from := *s; p.usual(s) && s.OK() {
		return true
	} else {
		*p, *s = ProcessInfo{}, from
	}
	for s.Open('{'); s.Next('}'); {
		switch s.Key() {
		case "name":
			p.Name = s.String()
		case "group":
			p.Group = s.String()
		case "start":
			p.Start = s.Int()
		case "stop":
			p.Stop = s.Int()
		case "now":
			p.Now = s.Int()
		case "state":
			p.State = int(s.Int())
		case "statename":
			p.StateName = s.String()
		case "spawnerr":
			p.SpawnErr = s.String()
		case "exitstatus":
			p.ExitStatus = int(s.Int())
		case "logfile":
			p.Logfile = s.String()
		case "stdout_logfile":
			p.StdoutLogfile = s.String()
		case "stderr_logfile":
			p.StderrLogfile = s.String()
		case "pid":
			p.PID = int(s.Int())
		case "description":
			p.Description = s.String()
		default:
			return false
		}
	}
	return s.OK()
}
