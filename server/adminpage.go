package server

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"
	"time"
)

// statusPage is deliberately plain: no style, nothing to load, good in any browser
// and in a terminal's.
var statusPage = template.Must(template.New("status").Funcs(template.FuncMap{
	"when": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.UTC().Format("2006-01-02 15:04:05")
	},
}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sangam: status</title><meta name="color-scheme" content="light dark"></head>
<body>
<h1>Sangam: status</h1>
<p>{{when .Now}} UTC · {{len .Sources}} sources · change {{.Sequence}}, {{when .Changed}} · <a href="status.json">status.json</a> · <a href="metrics">metrics</a> · <a href="debug/pprof/">pprof</a></p>
{{range .Notices}}<p role="alert"><strong>{{.}}</strong></p>
{{end}}<table border="1" cellpadding="4">
<tr><th>source<th>health<th>last visit<th>last success<th>last change<th>next visit<th>items<th>trouble</tr>
{{range .Sources}}<tr><td><bdi>{{.Outlet.Name}}</bdi><br><small>{{.Outlet.ID}}</small><td>{{.Health}}<td>{{when .State.Visited}}<td>{{when .State.Succeeded}}<td>{{when .State.Changed}}<td title="{{.State.DueWhy}}">{{when .State.Due}}<td>{{.State.Items}}<td>{{with .State.Problem}}{{.}}{{end}}{{range .State.Warnings}}<br><small>{{.}}</small>{{end}}</tr>
{{end}}</table>
</body></html>
`))

func (a *admin) page(w http.ResponseWriter, r *http.Request) {
	st, err := a.gather(r.Context())
	var b bytes.Buffer
	if err == nil {
		err = statusPage.Execute(&b, st)
	}
	if err != nil {
		a.Log.Error("no status page", "err", err)
		http.Error(w, "the status cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write(b.Bytes()) // the operator may have left
}
