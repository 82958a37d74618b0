// Package java stands for a module that is not served: the plugin needs this type for a schema that nobody asks for here.
package java

// PackageInfo says how Java code is made of a schema.
type PackageInfo struct {
	Packages                        map[string]string `json:"packages,omitempty"`
	BuildFiles                      string            `json:"buildFiles,omitempty"`
	Dependencies                    map[string]string `json:"dependencies,omitempty"`
	BasePackage                     string            `json:"basePackage,omitempty"`
	GradleNexusPublishPluginVersion string            `json:"gradleNexusPublishPluginVersion,omitempty"`
}
