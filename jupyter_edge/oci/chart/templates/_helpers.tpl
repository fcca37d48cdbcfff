{{- define "engine.name" -}}
{{ printf "%s-engine" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "engine.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "engine.labels" -}}
{{ include "engine.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: inference
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "engine.secret" -}}
{{ .Values.existingSecret | default (include "engine.name" .) }}
{{- end }}

{{- define "engine.claim" -}}
{{ .Values.persistence.existingClaim | default (include "engine.name" .) }}
{{- end }}
