// Package codegen stands for a module that is not served: the plugin needs this type for a schema that nobody asks for here.
package codegen

// CSharpPackageInfo says how C# code is made of a schema.
type CSharpPackageInfo struct {
	PackageReferences    map[string]string `json:"packageReferences,omitempty"`
	RespectSchemaVersion bool              `json:"respectSchemaVersion,omitempty"`
}
