package serve

import (
	"bytes"
	"context"
	"fmt"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// streamEvents sends events as lines, until the client goes away or the
// supervisor has come to its end. The end of this server alone does not end it:
// what is last to happen is to be told, too.
func (s *Server) streamEvents(ctx context.Context, j *job, r api.FollowEvents, send func([]byte) bool) *api.Fault {
	s.log(conf.Trace, fmt.Sprintf("%s method called: %s()", overLines, j.name))
	return s.followHere(ctx, r, func(piece any) error {
		b, ok := piece.(api.EventBatch)
		if !ok {
			return fmt.Errorf("%T is no batch of events", piece)
		}
		var lines bytes.Buffer
		for _, record := range b.Records() {
			line, err := ndjson.EncodeData(j.id, record)
			if err != nil {
				return err
			}
			lines.Write(line)
		}
		if lines.Len() > 0 && !send(lines.Bytes()) {
			return errGone
		}
		return nil
	})
}
