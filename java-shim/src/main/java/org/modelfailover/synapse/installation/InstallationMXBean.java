package org.modelfailover.synapse.installation;

/** What of Model Failover is installed in this gateway, and whether it works. */
public interface InstallationMXBean {
    /**
     * @return the bundle's version
     */
    String getVersion();

    /**
     * @return whether the native library is loaded; without it requests go the host's own way
     */
    boolean isLibraryLoaded();

    /**
     * @return which native library was loaded, and from where; empty when none is
     */
    String getLibrary();

    /**
     * @return what was tried to load the library, and why each failed; empty when it is loaded
     */
    String getFailure();

    /**
     * @return requests that went the host's own way for want of the library, since the start
     */
    long getRequestsHandedOn();
}
