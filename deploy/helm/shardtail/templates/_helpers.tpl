{{- define "shardtail.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "shardtail.selector" -}}
app.kubernetes.io/name: shardtail
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "shardtail.labels" -}}
{{ include "shardtail.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "shardtail.secretName" -}}
{{- .Values.secret.existing | default (printf "%s-secrets" (include "shardtail.name" .)) -}}
{{- end -}}

{{- define "shardtail.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ include "shardtail.name" . }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}
