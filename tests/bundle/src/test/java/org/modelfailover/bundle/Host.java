package org.modelfailover.bundle;

import java.io.File;
import java.io.IOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;

/**
 * What one release of API Manager exports to its bundles, by package prefix. The packages
 * themselves come from this test's class path.
 */
record Host(String name, Map<String, String> versions) {
    static final List<Host> ALL =
            List.of(
                    of("4.5.0", "4.0.0.wso2v218", "1.6.1.wso2v102", "1.2.11.wso2v29", "wso2v4"),
                    of("4.6.0", "4.0.0.wso2v262", "1.6.1.wso2v111", "1.2.11.wso2v29", "wso2v4"),
                    of("4.7.0", "4.1.0.wso2v40", "1.6.1.wso2v125", "1.2.11.wso2v37", "wso2v6"),
                    of("4.8 line", "4.1.0.wso2v59", "1.6.1.wso2v125", "1.2.11.wso2v37", "wso2v6"));

    private static Host of(
            String name, String synapse, String axis2, String axiom, String httpCorePatch) {
        return new Host(
                "API Manager " + name,
                Map.of(
                        "org.apache.synapse",
                        synapse,
                        "org.apache.axis2",
                        axis2,
                        // A project of its own, with versions of its own.
                        "org.apache.axis2.transport.base",
                        "2.0.0.wso2v88",
                        "org.apache.axis2.format",
                        "2.0.0.wso2v88",
                        "org.apache.axiom",
                        axiom,
                        "org.apache.http",
                        "4.4.16." + httpCorePatch,
                        "org.apache.commons.logging",
                        "1.2.0"));
    }

    /** The value of {@code org.osgi.framework.system.packages.extra}. */
    String exportedPackages() throws IOException {
        var packages = new TreeSet<String>();
        for (String element : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (element.endsWith(".jar")) {
                try (var jar = new JarFile(element)) {
                    jar.stream()
                            .map(entry -> entry.getName())
                            .filter(entry -> entry.endsWith(".class") && entry.contains("/"))
                            .map(entry -> entry.substring(0, entry.lastIndexOf('/')))
                            .forEach(entry -> packages.add(entry.replace('/', '.')));
                }
            }
        }
        return packages.stream()
                .flatMap(name -> version(name).map(version -> export(name, version)).stream())
                .collect(Collectors.joining(","));
    }

    private static String export(String name, String version) {
        return name + ";version=\"" + version + "\"";
    }

    /** The version of the longest prefix that fits; nothing when this host lacks the package. */
    private Optional<String> version(String name) {
        return versions.keySet().stream()
                .filter(prefix -> (name + ".").startsWith(prefix + "."))
                .max(Comparator.comparingInt(String::length))
                .map(versions::get);
    }

    /** This host with other versions of the packages below {@code prefix}. */
    Host with(String prefix, String version) {
        var changed = new HashMap<>(versions);
        changed.put(prefix, version);
        return new Host(name + " with " + prefix + " " + version, changed);
    }

    boolean exports(String name) {
        return version(name).isPresent();
    }

    @Override
    public String toString() {
        return name;
    }
}
